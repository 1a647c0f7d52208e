"""From files to one plan: catalogue, sources, edges, ports, the merged model, changes. Nothing here starts anything."""

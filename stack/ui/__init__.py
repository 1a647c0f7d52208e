"""`inv ui`: a page of this machine that shows the stack as it is and does what the commands do.

The server, each module with what it knows:

  serve     the command: a port of 127.0.0.1, the token, the browser, the end by Ctrl-C
  access    who may ask: token and cookie, Host and Origin, the headers of every answer
  app       the addresses below, and who answers
  looking   what is shown, from the functions of the commands: plan, a service, doctor, the timeline
  actions   what can be done: each is commands that could be typed, and a preview of what they would change
  dropped   a Compose file that was dropped on the page, for add-service
  alone     another program as an action: it holds the checkout's lock, as `./inv` does
  jobs      one action at a time, as `./inv` in a process of its own: its lines, its result, its end
  hub       what every open page is told: the last of each kind for one that comes, the news for all
  watch     where news come from: files, the engine's events, memory and processor, who holds the lock
  levels    which kind of line a log's line is
  streams   what the engine sends without an end: events and logs

The addresses; all but the first want the cookie, and a POST a page of this server and no --read-only:

  GET  /?token=…                sets the cookie and leads to /
  GET  /, /page/FILE            the page
  GET  /api/stream              server-sent events: plan, status, samples, sample, engine, busy, job, happened, timeline
  GET  /api/service/NAME        all that is known of a service: `service`, `why`, links, containers, volumes, backup
  GET  /api/sizes               the size of every volume, which may take a while
  GET  /api/log/NAME            server-sent events: `lines`, each [time, replica, level, text]
  GET  /api/doctor              `doctor`, and which of its checks can mend
  POST /api/preview             an action: what it would change, and the commands
  POST /api/do                  the same action: begins it; its progress comes by the stream
  POST /api/dropped         files by their path, in base64: which of them is the Compose file, and its services
  POST /api/stop                Ctrl-C for the action that runs

An action is {"do": NAME, …}; actions.py has them all. An answer is {"problems": […]} where it could not be given.

The page, in page/, is plain modules that a browser runs as they are; main.js says which does what."""

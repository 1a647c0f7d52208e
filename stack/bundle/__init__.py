"""One file with all that a machine without network needs: made where there is one, brought up where there is none."""

"""What people and programs see of a command: tables, plain lines, the JSON envelope."""

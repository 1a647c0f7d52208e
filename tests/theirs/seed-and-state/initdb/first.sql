CREATE TABLE things (name text);

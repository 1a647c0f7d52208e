-- What the image adds to the first two migrations. The password comes by the environment, not by an argument.
\getenv password POSTGRES_PASSWORD
ALTER ROLE postgres PASSWORD :'password';
ALTER DATABASE postgres OWNER TO postgres;

CREATE TABLE drinks (name text);

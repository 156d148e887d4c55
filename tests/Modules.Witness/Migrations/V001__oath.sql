-- Shows that the migrations of a module from a folder are applied.

create table ${schema}.oath (words text not null);
insert into ${schema}.oath (words) values ('nothing but');

-- The session that a script leaves like this is nobody else's.
set search_path = nowhere;

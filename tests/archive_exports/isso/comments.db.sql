-- Isso's database, as its version 5 makes it; a test makes the file from this text.
create table preferences (key varchar primary key, value varchar);
create table threads (id integer primary key, uri varchar(256) unique, title varchar(256));
create table comments (
    tid references threads (id),
    id integer primary key,
    parent integer,
    created float not null,
    modified float,
    mode integer,
    remote_addr varchar,
    text varchar not null,
    author varchar,
    email varchar,
    website varchar,
    likes integer default 0,
    dislikes integer default 0,
    voters blob not null,
    notification integer default 0
);
create trigger remove_stale_threads after delete on comments
begin
delete from threads where id not in (select tid from comments);
end;
pragma user_version = 5;

insert into threads values
(1, '/harbour/', ' The heron & the harbour '),
(2, 'https://islands.example/lighthouse', null),
(3, '/nobody-wrote-here/', 'The empty quay');

insert into comments values
-- Voted on; the name is escaped, the text is Markdown.
(1, 1, null, 1700000000.123456, null, 1, '203.0.113.0', 'The *grey* heron is back & < last year.',
'Heron &amp; Otter', 'Heron@ponds.example', 'https://ponds.example', 3, 1, x'00ff', 0),
-- Waits for a moderator; nobody said who wrote it.
(1, 2, 1, 1700000060, null, 2, '203.0.113.0', 'I saw it, too.', null, null, null, 0, 0, x'00', 0),
-- Deleted, kept for its reply; Isso leaves the address of its author.
(1, 3, null, 1700000120.5, null, 4, '203.0.113.0', '', null, 'otter@ponds.example', null, 0, 0,
x'00', 1),
-- A reply to it, edited.
(1, 4, 3, 1700000180, 1700000300.25, 1, '203.0.113.0', 'Green boats, not blue ones.', 'Kingfisher',
'', '', 0, 2, x'00', 0),
-- Imported from elsewhere as HTML; on a page with a full address.
(2, 5, null, 1262304000, null, 1, '0.0.0.0', '<p>The lamp is <b>red</b>.</p><p>At night.</p>',
'Kingfisher', 'heron@PONDS.example', null, 0, 0, x'00', 0),
-- Imported from elsewhere as deleted: its text is still there.
(2, 6, 5, 1262304060, null, 4, '0.0.0.0', 'It is white.', 'Puffin', '', null, 0, 0, x'00', 0),
-- Its thread is gone.
(99, 7, null, 1700000240, null, 1, '203.0.113.0', 'Where is the page?', 'Puffin', null, null, 0, 0,
x'00', 0),
-- Answers a comment of another page.
(1, 8, 5, 1700000300, null, 1, '203.0.113.0', 'The lamp shines as far as here.', 'Puffin', null,
null, null, null, x'00', 0),
-- A mode that Isso does not have.
(1, 9, null, 1700000360, null, 3, '203.0.113.0', 'Neither here nor there.', 'Gull', null, null, 0,
0, x'00', 0),
-- Edited before it was deleted.
(1, 10, null, 1700000420, 1700000480, 4, '203.0.113.0', '', null, null, null, 0, 0, x'00', 0),
(1, 11, 10, 1700000540, null, 1, '203.0.113.0', 'What did it say?', 'Gull', null, null, 0, 0, x'00',
0);

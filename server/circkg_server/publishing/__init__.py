"""Publishing: the files, pages and records that are made from releases, the same in a folder and from the server."""

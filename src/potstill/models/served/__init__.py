"""Models behind a server: what is sent, how fast, through which proxy, with which key, and what may go wrong."""

"""Documents for people: the same data always gives the same bytes, with programs and fonts that come with Cauce."""

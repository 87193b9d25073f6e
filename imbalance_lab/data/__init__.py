"""Where rows come from, how they are split, and how they are prepared."""

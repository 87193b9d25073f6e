def write(*a, **k): return "todo"

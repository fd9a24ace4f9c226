"""Arrays or tables in, matplotlib figures out."""

"""Who may decide about a request, who is asked, and whether an answer counts."""

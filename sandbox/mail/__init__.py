"""An SMTP relay that delivers nothing: it checks what it is given and keeps it for the inbox."""

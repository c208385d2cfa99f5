"""Follow the log of another program: a file that is rotated, the journal, or a named pipe.

    log = logs.open_log("/var/log/dnsmasq.log")
    batch = log.read(position)        # lines after this position, a bounded number
    with transaction.atomic():
        ...                           # store what the lines say, and batch.position
    log.done()

A position is what the caller stores; it is all that decides what is read next. Whoever stores it in
the transaction that stores what the lines say counts every line once, whenever it is killed."""

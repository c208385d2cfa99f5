"""Who is told: what happened leaves as webhook, mail, syslog and stream."""

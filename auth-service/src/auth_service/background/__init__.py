"""Jobs and threads: change watcher, mail queue, key rotation, push of security events."""

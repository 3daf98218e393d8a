"""The mint over HTTP: thin routes that parse, call the domain and answer."""

"""What all HTML pages share: cookies, form protection, parameters, errors and rendering."""

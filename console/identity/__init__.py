"""Who somebody is: passwords, second factors, recognised browsers, sign-in, and changes of address."""

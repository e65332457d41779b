"""What is known about the LMI container: its options, images, request and response, as pure tables and functions."""

"""Cases being made: written anew, taken over from other tools, harvested from chats, checked and counted."""

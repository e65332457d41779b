"""The RAG server: answers from documents and history with whatever endpoint the registry says is live."""

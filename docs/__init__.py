"""Programs that make parts of the documents. The documents themselves stand at the top."""

"""Work on logs that have an end: files and topics read as the stream reads them, learning, and jobs."""

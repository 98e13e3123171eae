"""The indexer: what stands on the topics becomes what the API shows; a view that can be made anew."""

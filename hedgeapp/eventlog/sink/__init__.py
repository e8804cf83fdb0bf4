"""The sink: the log's second store, segment after segment, from which a whole database can be built again."""

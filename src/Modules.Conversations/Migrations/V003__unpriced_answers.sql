-- Answers whose cost is not known: they are priced when their model gets a price.
create index messages_unpriced on ${schema}.messages (conversation_id, position) where metadata ->> 'cost_source' = 'unpriced';

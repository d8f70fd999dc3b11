//! What a queue promises beyond those flows: a story or more for each row.

//! A small real ticketing platform: organizers, events, users, teams, orders and exporters, in the same database.

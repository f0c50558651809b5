"""Models a second: by model, precision and batch size, beside a naive loop and the floor, on one pinned core."""

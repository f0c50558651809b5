"""How well people and machines judge: agreement and proportions with intervals, as pure functions over columns."""

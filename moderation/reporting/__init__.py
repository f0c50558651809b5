"""What the system tells authorities: reports of the gravest harm, drafted from the record, validated, and sent."""

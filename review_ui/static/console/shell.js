// On every page of the console: times in the reader's zone, live counts, the key map, the way to the next job.
import "./times.js";

COMMENT
A cell that fires whenever something arrives: the senders of spikes that are given as a list.
ENDCOMMENT

NEURON { ARTIFICIAL_CELL Relay }

NET_RECEIVE (w) { net_event(t) }

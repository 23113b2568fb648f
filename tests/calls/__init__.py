"""Tables of the public functions with arguments that they take, for the tests that replace one by nonsense."""

"""The slots: samplers, class weights and decisions need no TensorFlow, losses and representations do."""

"""The slots that need no TensorFlow: samplers, class weights and decisions."""

// The list of layers in the setup; to be filled.
export {};

namespace Lora.Adapters;

/// <summary>What the layers of one adapter share.</summary>
/// <param name="Arena">Where the trained values live.</param>
/// <param name="Dropout">Applied to the input of each A.</param>
/// <param name="Initialization">How A and B begin.</param>
/// <param name="WithBias">Whether each B has a bias.</param>
/// <param name="UseDora">Whether magnitudes are trained apart from directions.</param>
/// <param name="FanInFanOut">Whether modules of a program's own kind store their weight [in, out].</param>
internal sealed record AdapterSettings(
    ParameterArena Arena, Dropout Dropout, LoraInitialization Initialization, bool WithBias = false, bool UseDora = false, bool FanInFanOut = false);

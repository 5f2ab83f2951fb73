using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>What merging adds to one parameter of the base.</summary>
/// <param name="Name">The parameter's name in its module: <c>weight</c> or <c>bias</c>.</param>
/// <param name="Addition">The addition, float32 of the parameter's shape.</param>
internal sealed record WeightChange(string Name, Tensor Addition);

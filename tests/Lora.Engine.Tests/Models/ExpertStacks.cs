using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Puts the matrices of separate experts into the stacks that transformers 5 makes of them.</summary>
internal static class ExpertStacks
{
    /// <summary>[experts, out, in]; of <c>gate_up_proj</c> with the rows of the gate above those of up.</summary>
    /// <param name="name">The stack's name.</param>
    /// <param name="count">How many experts there are.</param>
    /// <param name="layer">The matrix of a layer, by its name below <c>experts</c>.</param>
    public static Tensor Of(string name, int count, Func<string, Tensor> layer) => stack(Enumerable.Range(0, count).Select(expert => name == "down_proj"
        ? layer($"{expert}.down_proj.weight")
        : cat([layer($"{expert}.gate_proj.weight"), layer($"{expert}.up_proj.weight")], 0)));
}

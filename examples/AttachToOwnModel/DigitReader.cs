using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Examples.AttachToOwnModel;

/// <summary>A classifier of pictures [batch, 1, 8, 8] as a program may have it. It calls its layers with <c>call</c>, so that adapters take part.</summary>
internal sealed class DigitReader : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d edges;
    private readonly Linear hidden;
    private readonly Linear digit;

    public DigitReader()
        : base(nameof(DigitReader))
    {
        edges = nn.Conv2d(1, 8, kernel_size: 3, padding: 1);
        hidden = nn.Linear(8 * 8 * 8, 32);
        digit = nn.Linear(32, 10);
        RegisterComponents();
    }

    /// <summary>Logits [batch, 10].</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor found = nn.functional.relu(edges.call(input)); // [batch, 8, 8, 8]
        return digit.call(nn.functional.relu(hidden.call(found.flatten(1))));
    }
}

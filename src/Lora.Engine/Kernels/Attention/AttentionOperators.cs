using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>Chooses the operator of attention, before a run starts, by what each needs (<see cref="OperatorNeeds"/>).</summary>
internal static class AttentionOperators
{
    // The quickest first.
    private static readonly (AttentionOperator Operator, OperatorNeeds Needs)[] OfCards =
        [(new FlashAttention(), OperatorNeeds.FlashAttention), (new EfficientAttention(), OperatorNeeds.EfficientAttention)];

    /// <summary>The first that serves such heads there, null for none, and why those before it do not.</summary>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="type">Of the tensors.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="card">What is known of the card; null where there is none to ask.</param>
    public static (AttentionOperator? Chosen, IReadOnlyList<string> Reasons) Choose(Device device, ScalarType type, AttentionHeads shape, CardFacts? card)
    {
        if (card is null)
        {
            // META has shapes alone: what any card would be asked for. No whole operator caps scores.
            return (shape.Cap is not null ? null : device.type == DeviceType.META ? new EfficientAttention() : new DocumentAttention(), []);
        }

        List<string> reasons = [];
        foreach ((AttentionOperator found, OperatorNeeds needs) in OfCards)
        {
            if (needs.Reason(card, new(type, shape.HeadSize, shape.Window is not null, shape.Cap is not null)) is not string reason)
            {
                return (found, reasons);
            }

            reasons.Add(reason);
        }

        return (null, reasons);
    }
}

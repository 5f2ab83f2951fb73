using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>Asks for whole operators by their rows of needs, once for each dtype: kernels call none that their device does not run.</summary>
/// <param name="known">What is known of the card; null to ask the device.</param>
internal sealed class WholeOperators(CardFacts? known)
{
    private readonly Dictionary<(string, ScalarType), string?> reasons = [];
    private CardFacts? found = known;

    /// <summary>The card whose needs are asked for; null where no row is: a processor has its own operators, and META shapes of all.</summary>
    public CardFacts? Card(Device device) => found ?? (device.type == DeviceType.CUDA ? found = CardFacts.Of(device) : null);

    /// <summary>Whether an operator can be called there.</summary>
    /// <param name="needs">Its row.</param>
    /// <param name="type">Of its tensors.</param>
    /// <param name="device">Where they are.</param>
    public bool Has(OperatorNeeds needs, ScalarType type, Device device) => Card(device) is null ? device.type != DeviceType.CPU || needs.IsOnProcessor : Reason(needs, type, device) is null;

    /// <summary>Why it cannot be; null when it can, or where no row is asked.</summary>
    public string? Reason(OperatorNeeds needs, ScalarType type, Device device)
    {
        if (Card(device) is not CardFacts card)
        {
            return null;
        }

        if (!reasons.TryGetValue((needs.Name, type), out string? reason))
        {
            reason = needs.Reason(card, new(type, HeadSize: 0, HasWindow: false));
            reasons.Add((needs.Name, type), reason);
        }

        return reason;
    }
}

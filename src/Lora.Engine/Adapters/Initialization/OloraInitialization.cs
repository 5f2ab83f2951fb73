using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>B and A are the first columns of Q and the first rows of R of the base weight's QR factors (OLoRA, arXiv 2406.01775).</summary>
internal sealed class OloraInitialization : LoraInitialization
{
    /// <inheritdoc/>
    public override bool ChangesBase => true;

    /// <inheritdoc/>
    public override void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator)
    {
        long rank = down.shape[0];
        (Tensor q, Tensor r) = linalg.qr(weight()); // [out, n], [n, in]
        // As in PEFT, and unlike PiSSA, s is not divided out: what is subtracted from the base is s times their product.
        down.copy_(r.narrow(0, 0, rank));
        up.copy_(q.narrow(1, 0, rank)); // [out, rank]
    }
}

using Lora.Data;
using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A decoder with a head over the vocabulary. Modules have the checkpoint's names.</summary>
/// <remarks>
/// It takes the shape of config.json and a source of weights and gives hidden states and logits by modules that autograd can follow: for every family
/// and every adapter, and what the fused step is compared with. Weights are frozen and are held once: a tied head is the embedding's memory, and <see
/// cref="Fused"/> makes the modules' matrices slices of its own joined ones. Families differ by the parts of their shapes (<see cref="ModelFamily"/>), not by models of their own.
/// </remarks>
internal sealed class CausalLanguageModel : TaskModel
{
    private readonly DecoderModel body;
    private readonly nn.Module<Tensor, Tensor> head;
    private readonly long sharedSize;
    private FusedDecoder? fused;

    /// <param name="shape">The shape.</param>
    /// <param name="source">Where the weights come from; a head of its own is used where the source has one, else the embedding's table.</param>
    /// <param name="device">Where the weights are.</param>
    public CausalLanguageModel(ModelShape shape, IWeightSource source, Device device)
        : base(nameof(CausalLanguageModel), device)
    {
        Shape = shape;

        // Modules are registered under the checkpoint's names: the module tree and the file are one description.
        Weights root = new(source, "", Buffer);
        body = new(shape, root.At(shape.Body));
        DottedModule.Register(this, shape.Body, body);

        // A head that the checkpoint has is used, whatever the configuration says of tying.
        if (shape.Head.IsTied && !source.Has(shape.Head.Weight))
        {
            Linear tied = nn.Linear(shape.EmbeddingWidth, shape.VocabularySize, shape.Head.Bias, META);
            tied.weight = new Parameter(body.Embedding.Weight.detach(), requires_grad: false); // the same memory, a tensor of its own
            if (shape.Head.Bias)
            {
                tied.bias = root.Frozen(shape.Head.Name + ".bias", shape.VocabularySize);
            }

            head = tied;
            sharedSize = tied.weight.NumberOfElements * tied.weight.element_size();
        }
        else
        {
            head = root.Linear(shape.Head.Name, shape.EmbeddingWidth, shape.VocabularySize, shape.Head.Bias);
        }

        DottedModule.Register(this, shape.Head.Name, head);
    }

    /// <summary>The shape of the model.</summary>
    public ModelShape Shape { get; }

    /// <inheritdoc/>
    public override string ModelType => Shape.ModelType;

    /// <inheritdoc/>
    public override int VocabularySize => Shape.VocabularySize;

    /// <inheritdoc/>
    public override TaskKind Task => TaskKind.CausalLM;

    /// <inheritdoc/>
    public override double? RouterLoss => Shape.RouterLoss;

    /// <summary>The weights joined for the fused step; made when first asked for.</summary>
    public FusedDecoder Fused => fused ??= new(this);

    /// <inheritdoc/>
    protected override long SharedSize => sharedSize;

    /// <inheritdoc/>
    public override Tensor Hidden(Batch batch, RouterBalance? balance = null) => Hidden(DeviceIndex.Of(batch.InputIds, [batch.Rows, batch.Length], Device), balance);

    /// <summary>Hidden states after the last norm, [batch, tokens, hidden], of ids [batch, tokens].</summary>
    /// <param name="ids">[batch, tokens].</param>
    /// <param name="balance">Takes the choices of routers in; null for nobody.</param>
    public Tensor Hidden(Tensor ids, RouterBalance? balance = null) => body.call(ids, balance);

    /// <summary>Hidden states of a text [1, tokens] that is gone on later: it becomes the last row of the cache.</summary>
    public Tensor Read(Tensor ids, KeyValueCache cache) => body.Read(ids, cache);

    /// <summary>Hidden states of tokens [1, tokens] behind those of the cache's only row.</summary>
    public Tensor Continue(Tensor ids, KeyValueCache cache) => body.Continue(ids, cache);

    /// <summary>Hidden states of the next token of each row of the cache, [rows, 1].</summary>
    public Tensor Step(Tensor ids, KeyValueCache cache) => body.Step(ids, cache);

    /// <summary>Whether a rotation hangs on the length of a text (dynamic NTK, LongRoPE), so that texts of unequal lengths may be rotated unlike.</summary>
    public bool HasLengthRotation => Shape.Rotations.Any(rope => rope.Scaling is RopeScaling.Dynamic or RopeScaling.LongRope);

    /// <summary>Whether any of texts that have become longer by a token has other rotations at all of its places than before.</summary>
    public bool IsTurnedAnew(IEnumerable<int> lengths) => HasLengthRotation && lengths.Any(length => Shape.Rotations.Any(rope => rope.Stretch(length) != rope.Stretch(length - 1)));

    /// <summary>Logits [..., vocabulary] of hidden states [..., hidden].</summary>
    public override Tensor Head(Tensor hidden)
    {
        Tensor logits = head.call(hidden);
        return SoftCap.Of(Shape.Head.Scale == 1 ? logits : logits.Times(Shape.Head.Scale), Shape.Head.Cap);
    }

    /// <summary>Logits [batch, tokens, vocabulary] of ids [batch, tokens].</summary>
    public override Tensor forward(Tensor input) => Head(Hidden(input));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            fused?.Dispose();
        }

        base.Dispose(disposing);
    }
}

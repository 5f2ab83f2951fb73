using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A decoder with a head over the vocabulary. Field names are the checkpoint's names.</summary>
/// <remarks>
/// It takes the shape of config.json and a source of weights and gives hidden states and logits by modules that autograd can follow: for every family
/// and every adapter, and what the fused step is compared with. Weights are frozen and are held once: a tied head is the embedding's memory, and <see
/// cref="Fused"/> makes the modules' matrices slices of its own joined ones. Families differ by data (<see cref="DecoderFamily"/>), not by classes.
/// </remarks>
internal sealed class CausalLanguageModel : nn.Module<Tensor, Tensor>
{
    private readonly DecoderModel model;
    private readonly nn.Module<Tensor, Tensor> lm_head;
    private readonly long sharedSize;
    private FusedDecoder? fused;
    private readonly WeightBuffer buffer = new();

    /// <param name="config">The shape.</param>
    /// <param name="source">Where the weights come from; a head of its own is used where the source has one, else the embedding's table.</param>
    /// <param name="device">Where the weights are.</param>
    public CausalLanguageModel(DecoderConfig config, IWeightSource source, Device device)
        : base(nameof(CausalLanguageModel))
    {
        Config = config;
        Device = device;

        // The dotted names of a checkpoint come from the fields' names: the module tree and the file are one description.
        Weights root = new(source, "", buffer);
        model = new(config, root.At(nameof(model)));

        // A head that the checkpoint has is used, whatever the configuration says of tying.
        if (config.TiedEmbeddings && !source.Has("lm_head.weight"))
        {
            Linear tied = nn.Linear(config.HiddenSize, config.VocabularySize, hasBias: false, META);
            tied.weight = new Parameter(model.Embedding.Weight.detach(), requires_grad: false); // the same memory, a tensor of its own
            lm_head = tied;
            sharedSize = tied.weight.NumberOfElements * tied.weight.element_size();
        }
        else
        {
            lm_head = root.Linear(nameof(lm_head), config.HiddenSize, config.VocabularySize);
        }

        RegisterComponents();
    }

    /// <summary>The shape of the model.</summary>
    public DecoderConfig Config { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>Bytes of the weights as they are held; a table that serves as the head too counts once.</summary>
    public long WeightSize => parameters().Where(parameter => parameter.device_type != DeviceType.META).Sum(parameter => parameter.NumberOfElements * parameter.element_size())
        + modules().OfType<QuantizedLinear>().Sum(layer => layer.Matrix.Size) - sharedSize;

    /// <summary>Where quantised matrices have their values.</summary>
    public WeightBuffer Buffer => buffer;

    /// <summary>The weights joined for the fused step; made when first asked for.</summary>
    public FusedDecoder Fused => fused ??= new(this);

    /// <summary>Hidden states after the last norm, [batch, tokens, hidden], of ids [batch, tokens].</summary>
    public Tensor Hidden(Tensor ids) => model.call(ids);

    /// <summary>Logits [..., vocabulary] of hidden states [..., hidden].</summary>
    public Tensor Head(Tensor hidden) => SoftCap.Of(lm_head.call(hidden), Config.LogitCap);

    /// <summary>Logits [batch, tokens, vocabulary] of ids [batch, tokens].</summary>
    public override Tensor forward(Tensor input) => Head(Hidden(input));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            fused?.Dispose();
            buffer.Dispose();
        }

        base.Dispose(disposing);
    }
}

using System.Text.Json;
using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>
/// The tree of the reference runs of target_parameters: blocks of a small attention and a mixture in which every expert sees every token. A program's
/// own model, whose experts are parameters of one module.
/// </summary>
internal sealed class MixtureModel : nn.Module<Tensor, Tensor>
{
    private readonly Body model;

    /// <param name="tree">The shape.</param>
    /// <param name="weights">The weights; null for zeros.</param>
    public MixtureModel(JsonElement tree, GoldenTensors? weights = null)
        : base(nameof(MixtureModel))
    {
        model = new(tree);
        RegisterComponents();
        if (weights is null)
        {
            return;
        }

        using IDisposable noGradient = no_grad();
        foreach ((string name, Parameter parameter) in named_parameters())
        {
            parameter.copy_(weights[name]);
        }
    }

    public override Tensor forward(Tensor input) => model.call(input);

    private sealed class Body : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<Block> layers;

        public Body(JsonElement tree)
            : base(nameof(Body))
        {
            layers = [.. Enumerable.Range(0, tree.GetProperty("L").GetInt32()).Select(_ => new Block(tree))];
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => layers.Aggregate(input, (x, block) => block.call(x));
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Attention self_attn;
        private readonly Mixture mlp;

        public Block(JsonElement tree)
            : base(nameof(Block))
        {
            self_attn = new(tree.GetProperty("H").GetInt32());
            mlp = new(tree);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            Tensor x = input.Plus(self_attn.call(input));
            return x.Plus(mlp.call(x));
        }
    }

    private sealed class Attention : nn.Module<Tensor, Tensor>
    {
        private readonly Linear q_proj;
        private readonly Linear o_proj;

        public Attention(int width)
            : base(nameof(Attention))
        {
            q_proj = nn.Linear(width, width, hasBias: false);
            o_proj = nn.Linear(width, width, hasBias: false);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => o_proj.call(q_proj.call(input).tanh());
    }

    private sealed class Mixture : nn.Module<Tensor, Tensor>
    {
        private readonly Router gate;
        private readonly Experts experts;

        public Mixture(JsonElement tree)
            : base(nameof(Mixture))
        {
            gate = new(tree);
            experts = new(tree);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => experts.call(input, gate.call(input).softmax(-1));
    }

    /// <summary>A class of its own, as transformers' routers are: no linear layer.</summary>
    private sealed class Router : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight;

        public Router(JsonElement tree)
            : base(nameof(Router))
        {
            weight = new(zeros(tree.GetProperty("E").GetInt32(), tree.GetProperty("H").GetInt32()));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input.matmul(weight.t());
    }

    /// <summary>The experts, whose two parameters are defined in the order of transformers' classes.</summary>
    private sealed class Experts : nn.Module<Tensor, Tensor, Tensor>, ILoraExperts
    {
        private readonly Parameter gate_up_proj;
        private readonly Parameter? gate_up_proj_bias;
        private readonly Parameter down_proj;
        private readonly Parameter? down_proj_bias;
        private readonly bool areTransposed;

        public Experts(JsonElement tree)
            : base(nameof(Experts))
        {
            (int experts, int width, int inner) = (tree.GetProperty("E").GetInt32(), tree.GetProperty("H").GetInt32(), tree.GetProperty("I").GetInt32());
            areTransposed = tree.GetProperty("in_out").GetBoolean();
            HasInputsFirst = tree.GetProperty("flag").ValueKind == JsonValueKind.True;
            gate_up_proj = new(areTransposed ? zeros(experts, width, 2 * inner) : zeros(experts, 2 * inner, width));
            down_proj = new(areTransposed ? zeros(experts, inner, width) : zeros(experts, width, inner));
            if (tree.GetProperty("bias").GetBoolean())
            {
                gate_up_proj_bias = new(zeros(experts, 2 * inner));
                down_proj_bias = new(zeros(experts, width));
            }

            RegisterComponents();
        }

        public bool HasInputsFirst { get; }

        public override Tensor forward(Tensor input, Tensor weights)
        {
            Tensor joined = Product(input.unsqueeze(0), gate_up_proj); // [experts, tokens, 2 inner]
            joined = gate_up_proj_bias is null ? joined : joined.Plus(gate_up_proj_bias.unsqueeze(1));
            Tensor[] halves = joined.chunk(2, -1);
            Tensor outputs = Product(nn.functional.silu(halves[0]) * halves[1], down_proj); // [experts, tokens, width]
            outputs = down_proj_bias is null ? outputs : outputs.Plus(down_proj_bias.unsqueeze(1));
            return (outputs * weights.t().unsqueeze(-1)).sum(dim: 0); // [tokens, width]
        }

        private Tensor Product(Tensor x, Tensor weight) => x.matmul(areTransposed ? weight : weight.transpose(1, 2));
    }
}

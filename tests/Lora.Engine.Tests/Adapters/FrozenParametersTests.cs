using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>A model's parameters stay frozen until its last adapter is gone, also those of modules that live in the native library.</summary>
public class FrozenParametersTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_last_adapter_to_go_gives_every_parameter_its_own_flag_back(bool firstGoesFirst)
    {
        using Mixed model = new();
        bool[] flags = Flags();
        AttachedLora first = LoraModules.Attach(model, new() { TargetModule = ["linear"], Rank = 2 });
        AttachedLora second = LoraModules.Attach(model, new() { TargetModule = ["linear"], Rank = 2 });

        (firstGoesFirst ? first : second).Dispose();
        Assert.All(Flags(), Assert.False);
        (firstGoesFirst ? second : first).Dispose();

        Assert.Equal(flags, Flags());
        Assert.Equal(1, flags.Count(flag => !flag));

        bool[] Flags() => [.. model.parameters().Select(parameter => parameter.requires_grad)];
    }

    private sealed class Mixed : nn.Module
    {
        public Mixed()
            : base(nameof(Mixed))
        {
            Linear linear = nn.Linear(4, 4);
            linear.bias!.requires_grad = false;
            register_module("linear", linear);
            register_module("recurrent", nn.LSTM(4, 4));
            register_module("attention", nn.MultiheadAttention(4, 2));
            register_module("encoder", nn.TransformerEncoderLayer(4, 2));
        }
    }
}

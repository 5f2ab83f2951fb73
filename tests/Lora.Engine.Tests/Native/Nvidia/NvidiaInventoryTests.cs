using Lora.Native;

namespace Lora.Tests.Native;

[Collection(nameof(FakeNvidiaLibrary))]
public class NvidiaInventoryTests
{
    [Fact]
    public void The_driver_and_its_cards_are_read_as_nvml_h_lays_them_out()
    {
        NvidiaInventory? inventory = NvidiaInventory.Read(FakeNvidiaLibrary.ExportOrZero);

        Assert.Equal("570.26", inventory!.Driver);
        Assert.Equal([(8, 6), null], inventory.Cards.Select(card => card.Capability));
        Assert.Equal(("Fake card", 8_000_000_000, 7_000_000_000), (inventory.Cards[0].Name, inventory.Cards[0].Total, inventory.Cards[0].Free));
        Assert.Equal(["process 12 with 1.4 GB", "process 13"], inventory.Cards[0].Processes);
        Assert.Equal(0, FakeNvidiaLibrary.Open);
    }

    [Fact]
    public void An_older_driver_that_lacks_functions_is_read_as_far_as_it_goes()
    {
        NvidiaInventory? inventory = NvidiaInventory.Read(name => name.Contains("Processes", StringComparison.Ordinal) || name.Contains("Name", StringComparison.Ordinal) ? 0 : FakeNvidiaLibrary.ExportOrZero(name));

        Assert.Equal(("unknown", 0), (inventory!.Cards[0].Name, inventory.Cards[0].Processes.Count));
        Assert.Null(NvidiaInventory.Read(_ => 0));
    }
}

// gostub SOCKET: the least plugin that NRI's own Go library makes: it subscribes to the events that Stockade subscribes
// to, and does nothing. hack/fetch-go-stub builds it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/nri/pkg/api"
	"github.com/containerd/nri/pkg/stub"
)

type plugin struct{}

func (plugin) RunPodSandbox(context.Context, *api.PodSandbox) error                   { return nil }
func (plugin) StopPodSandbox(context.Context, *api.PodSandbox) error                  { return nil }
func (plugin) RemovePodSandbox(context.Context, *api.PodSandbox) error                { return nil }
func (plugin) StartContainer(context.Context, *api.PodSandbox, *api.Container) error  { return nil }
func (plugin) RemoveContainer(context.Context, *api.PodSandbox, *api.Container) error { return nil }
func (plugin) Synchronize(context.Context, []*api.PodSandbox, []*api.Container) ([]*api.ContainerUpdate, error) {
	return nil, nil
}

func (plugin) CreateContainer(
	context.Context, *api.PodSandbox, *api.Container,
) (*api.ContainerAdjustment, []*api.ContainerUpdate, error) {
	return nil, nil, nil
}

func (plugin) StopContainer(context.Context, *api.PodSandbox, *api.Container) ([]*api.ContainerUpdate, error) {
	return nil, nil
}

func main() {
	made, err := stub.New(
		plugin{}, stub.WithPluginName("gostub"), stub.WithPluginIdx("10"), stub.WithSocketPath(os.Args[1]))
	if err == nil {
		err = made.Run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
